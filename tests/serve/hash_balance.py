# hash_balance.py SERVERS SESSIONS: how evenly nginx's "hash $x consistent" deals sessions to servers: 160 points a server on a
# ring of crc32 values. Not part of the tests: what docs/scale.md counts with.
import sys, zlib, bisect, struct
servers, sessions = int(sys.argv[1]), int(sys.argv[2])
points = {}
for s in range(servers):
    base, prev = b"10.0.%d.%d\0" % (s // 256, s % 256) + b"8080", 0
    for _ in range(160):
        prev = zlib.crc32(base + struct.pack("<I", prev))
        points.setdefault(prev, s)
ring = sorted(points)
load = [0] * servers
share = [0] * servers
for i, p in enumerate(ring):
    share[points[p]] += (p - ring[i - 1]) % 2**32
for k in range(sessions):
    i = bisect.bisect_left(ring, zlib.crc32(b"session-%d" % k))
    load[points[ring[i % len(ring)]]] += 1
mean = sessions / servers
load.sort()
print("largest %.2f, 99 %% %.2f, median %.2f, smallest %.2f of the mean; share of the ring: %.2f" % (load[-1]/mean, load[int(.99*servers)]/mean, load[servers//2]/mean, load[0]/mean, max(share)*servers/2**32))
