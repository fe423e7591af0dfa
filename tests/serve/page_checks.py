"""page_checks.py BROWSER URL DIR: uses dcp-serve's page in headless Chromium as a reader would, by the keyboard, on a
wide screen and on a phone's, and leaves screenshots in DIR. Needs nothing but Python's own library: the DevTools
protocol goes over a pipe."""
import base64
import json
import os
import subprocess
import sys
import time

browser, url, folder = sys.argv[1:]


class Browser:
    def __init__(self):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def pipes():  # Chromium reads descriptor 3 and writes 4
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={folder}/profile", "about:blank"],
            preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.session, self.problems = b"", 0, None, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self("Runtime.enable")
        self("Page.enable")

    def __call__(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                more = os.read(self.read, 1 << 16)
                assert more, "the browser ended"
                self.rest += more
            one, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("method") == "Runtime.exceptionThrown":
                self.problems.append(answer["params"]["exceptionDetails"])
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def ask(self, expression):
        result = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression, seconds=30):
        end = time.time() + seconds
        while not self.ask(expression):
            assert time.time() < end, f"it does not come to: {expression}"
            time.sleep(0.05)

    def press(self, key, code, **more):
        for kind in ("rawKeyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def shot(self, name):
        with open(f"{folder}/{name}.png", "wb") as file:
            file.write(base64.b64decode(self("Page.captureScreenshot")["data"]))

    def show(self, width, height, mobile, address):
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self("Page.navigate", url="about:blank")
        self("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && document.getElementById('go') !== null")


page = Browser()
status = "document.getElementById('status').textContent"
words = "document.querySelectorAll('#text span').length"
try:
    page.show(1280, 900, False, f"{url}/#theme=light&temperature=0&tokens=240&seed=1")
    page.ask("document.getElementById('prompt').focus()")
    page("Input.insertText", text="The old man opened the door and looked out at the sea.")
    page.press("Enter", 13, modifiers=2)
    page.wait(f"{status} === 'Done'")
    assert page.ask(words) > 240, page.ask(words)
    assert page.ask("document.querySelectorAll('#text .given').length") > 5
    faded = page.ask("[...document.querySelectorAll('#text span')].filter((s) => s.style.opacity < 1).length")
    share = page.ask("Number(document.getElementById('meter').getAttribute('aria-valuenow'))")
    assert faded > 50 and 0 < share < 95, (faded, share)
    page.shot("light")

    page.show(390, 844, True, f"{url}/#theme=dark&prompt=It%20was&tokens=200&write")
    page.wait(f"{status} === 'Done'")
    assert page.ask("document.documentElement.classList.contains('dark')")
    assert page.ask("document.documentElement.scrollWidth") <= 390, "nothing stands out to the side"
    page.shot("phone")

    page.show(1280, 900, False, f"{url}/#prompt=It%20was&tokens=1000&write")
    page.wait(f"{words} > 20")
    page.press("Escape", 27)
    page.wait(f"{status} === 'Stopped'")
    assert page.ask("!document.getElementById('go').disabled")

    page.show(1280, 900, False, f"{url}/#write&prompt=" + "word%20" * 1500)
    page.wait("!document.getElementById('problem').hidden")
    assert "positions" in page.ask("document.getElementById('problem').textContent")
    assert not page.problems, page.problems
    print("the page wrote, faded, stopped and told what was wrong")
finally:
    page.process.kill()
