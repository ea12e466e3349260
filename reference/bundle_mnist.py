"""Makes crates/adieu-data/assets/mnist.br, the digits inside the program, from the four original files of MNIST.

    python3 -m venv .venv && .venv/bin/pip install brotli==1.2.1
    .venv/bin/python reference/bundle_mnist.py FOLDER           # two minutes; writes the asset
    .venv/bin/python reference/bundle_mnist.py --check          # decodes the asset and compares, writes nothing

FOLDER holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each
plain or as .gz. The asset is these four, headers and all, one after another in that order, as one brotli stream of
quality 11 with a window of 16 MiB: `brotli -dc mnist.br` gives them back.

The SHA-256 below are of the uncompressed files: gzip copies differ from mirror to mirror, their contents do not. Another
version of brotli may write other bytes that hold the same; then --check still passes and ASSET_SHA256 is to be renewed.
"""

import gzip
import hashlib
import pathlib
import sys
import zlib

import brotli

ASSET = pathlib.Path(__file__).parent.parent / "crates/adieu-data/assets/mnist.br"
ASSET_SHA256 = "e29e4b1af0c6ae021b97f53f06c7d91f870c382e9f78cecfa602c9f08468753d"

# name, bytes, SHA-256 and CRC-32 of the uncompressed file; src/mnist.rs holds the same sizes and CRC-32
ORIGINALS = [
    ("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 0xE9F4D8B3),
    ("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 0xE0CB4AD2),
    ("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 0x91373BDF),
    ("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 0x4AB9EFF9),
]


def verify(name, data, size, sha256, crc32):
    """Stops unless `data` is the original file `name`."""
    if (len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data)) != (size, sha256, crc32):
        sys.exit(f"{name}: not the original file of MNIST ({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})")


def original(folder, name, *expected):
    """The uncompressed bytes of one original, from NAME or NAME.gz."""
    plain, packed = folder / name, folder / f"{name}.gz"
    data = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    verify(name, data, *expected)
    return data


def check():
    """Stops unless the asset decodes to the four originals."""
    packed = ASSET.read_bytes()
    data, start = brotli.decompress(packed), 0
    for name, size, sha256, crc32 in ORIGINALS:
        verify(name, data[start : start + size], size, sha256, crc32)
        start += size
    if start != len(data):
        sys.exit(f"{ASSET}: {len(data) - start} bytes too many")
    sha256 = hashlib.sha256(packed).hexdigest()
    print(f"{ASSET.name}: {len(packed)} bytes, SHA-256 {sha256}, holds the four originals")
    if sha256 != ASSET_SHA256:
        print(f"written by another version of brotli: ASSET_SHA256 was {ASSET_SHA256}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] != "--check":
        folder = pathlib.Path(sys.argv[1])
        everything = b"".join(original(folder, *each) for each in ORIGINALS)
        ASSET.parent.mkdir(exist_ok=True)
        ASSET.write_bytes(brotli.compress(everything, quality=11, lgwin=24))
    check()
