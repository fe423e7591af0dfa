# Sourced: `browser` is the headless browser that tests use, DCP_BROWSER first; empty where there is none.
browser=
for name in ${DCP_BROWSER:-} chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then
    browser=$name
    break
  fi
done
