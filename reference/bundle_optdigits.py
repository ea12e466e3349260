"""Makes crates/adieu-data/assets/optdigits.gz, the small digits inside the program, from scikit-learn's copy of them.

    python3 reference/bundle_optdigits.py digits.csv.gz     # writes the asset
    python3 reference/bundle_optdigits.py --check           # unpacks the asset and compares, writes nothing

digits.csv.gz lies in a scikit-learn installation as sklearn/datasets/data/digits.csv.gz (seen in version 1.9.1): a line a
digit, 64 pixels from 0 to 16 and the label, divided by commas. The asset is a byte a pixel, row after row, then a byte a
label, as one gzip stream: `gzip -dc optdigits.gz` gives them back.

Another version of zlib may write other bytes that hold the same; then --check still passes and ASSET_SHA256 is to be
renewed.
"""

import gzip
import hashlib
import pathlib
import sys
import zlib

ASSET = pathlib.Path(__file__).parent.parent / "crates/adieu-data/assets/optdigits.gz"
ASSET_SHA256 = "d64ddccfe8e7f02b6067073443e8195f125aef554fb827ee64b600179fafce7f"

ROWS, PIXELS, MOST = 1797, 64, 16
# SHA-256 of the CSV and of what is made of it, both uncompressed; src/optdigits.rs holds the same CRC-32
CSV_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
SHA256, CRC32 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826", 0xB89DAEA8


def original(path):
    """The pixels and labels of scikit-learn's CSV."""
    text = gzip.decompress(path.read_bytes())
    if hashlib.sha256(text).hexdigest() != CSV_SHA256:
        sys.exit(f"{path}: not the digits of scikit-learn (SHA-256 {hashlib.sha256(text).hexdigest()})")
    rows = [[int(cell) for cell in line.split(",")] for line in text.decode().split()]
    assert len(rows) == ROWS and all(len(row) == PIXELS + 1 and max(row) <= MOST for row in rows)
    return bytes(pixel for row in rows for pixel in row[:PIXELS]) + bytes(row[PIXELS] for row in rows)


def check():
    """Stops unless the asset holds the original."""
    packed = ASSET.read_bytes()
    data = gzip.decompress(packed)
    if (len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data)) != (ROWS * (PIXELS + 1), SHA256, CRC32):
        sys.exit(f"{ASSET}: not the original ({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})")
    sha256 = hashlib.sha256(packed).hexdigest()
    print(f"{ASSET.name}: {len(packed)} bytes, SHA-256 {sha256}, holds the original")
    if sha256 != ASSET_SHA256:
        print(f"written by another version of zlib: ASSET_SHA256 was {ASSET_SHA256}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] != "--check":
        ASSET.write_bytes(gzip.compress(original(pathlib.Path(sys.argv[1])), 9, mtime=0))
    check()
