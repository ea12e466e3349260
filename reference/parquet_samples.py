"""Writes the two Parquet files that crates/adieu-data/tests/parquet.rs reads, by pyarrow, which is not the crate under test.

    python3 -m venv .venv && .venv/bin/pip install pyarrow==26.0.1
    .venv/bin/python reference/parquet_samples.py           # writes crates/adieu-data/tests/parquet/*.parquet

fruit.parquet is a table of 24 rows in three groups, with every width of number, words, and a few cells missing: of row i,
numbers are i, words by i % 3, the label by i % 2. animals.parquet is in the manner of the Hugging Face datasets: 12
pictures of 4 × 3 pixels, all of value 20 · i + (0, 1, 2, … 11), label i % 2, with the names of the classes in the metadata.
"""

import decimal
import json
import pathlib
import struct
import zlib

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent.parent / "crates/adieu-data/tests/parquet"
ROWS = 24


def png(height, width, pixels):
    """A grey PNG of 8 bits."""
    lines = b"".join(b"\0" + bytes(pixels[y * width : (y + 1) * width]) for y in range(height))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def fruit():
    rows = range(ROWS)
    widths = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
    columns = {str(width): pa.array(rows, width) for width in widths}
    columns |= {str(width): pa.array([float(i) for i in rows], width) for width in [pa.float32(), pa.float64()]}
    columns["half"] = pa.array([float(i) for i in rows], pa.float32()).cast(pa.float16())
    for name, kind in [("decimal9", pa.decimal128(9, 2)), ("decimal38", pa.decimal128(38, 3))]:
        columns[name] = pa.array([decimal.Decimal(-i) / 4 for i in rows], kind)
    columns["top"] = pa.array([2**64 - 1 - i for i in rows], pa.uint64())
    columns["ripe"] = pa.array([i % 4 == 0 for i in rows])
    colours = ["red", "dark green", "ünripe"]
    columns["colour"] = pa.array([colours[i % 3] for i in rows]).dictionary_encode()
    columns["gap"] = pa.array([None if i in (5, 17) else i for i in rows], pa.float64())
    columns["class"] = pa.array(["plum" if i % 2 else "fig" for i in rows])
    table = pa.table(columns)
    # each compression in turn
    codecs = {name: ["zstd", "snappy", "gzip", "lz4", "none"][at % 5] for at, name in enumerate(columns)}
    pq.write_table(table, FOLDER / "fruit.parquet", row_group_size=9, compression=codecs, data_page_version="2.0")


def animals():
    pictures = [png(4, 3, [20 * i + at for at in range(12)]) for i in range(12)]
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", image), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    rows = [{"image": {"bytes": picture, "path": None}, "label": i % 2} for i, picture in enumerate(pictures)]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), FOLDER / "animals.parquet", row_group_size=5)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    fruit()
    animals()
