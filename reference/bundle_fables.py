"""Makes crates/adieu-data/assets/fables.txt from a plain-text copy of Joseph Jacobs, The Fables of Aesop (1894).

    python3 reference/bundle_fables.py COPY.txt > crates/adieu-data/assets/fables.txt

COPY.txt is Project Gutenberg's eBook 28. Its fables, without titles and pictures, become one text of 30 symbols,
a-z, space, comma, semicolon and full stop; the first 24,800 symbols are cut into 248 lines of 100.
"""

import re
import sys

STRINGS, LENGTH = 248, 100
ALPHABET = "abcdefghijklmnopqrstuvwxyz ,;."
REPLACED = {"!": ".", "?": ".", ":": ";", "-": " ", "—": " ", "æ": "ae", "œ": "oe", "ö": "o", "â": "a"}


def symbols(text):
    text = "".join(REPLACED.get(c, c) for c in text.lower())
    text = re.sub(r"\s+", " ", text)
    text = "".join(c for c in text if c in ALPHABET)
    text = re.sub(r" +([,;.])", r"\1", text)
    return re.sub(r" +", " ", text).strip()


def main():
    text = open(sys.argv[1], encoding="utf-8").read().replace("\r", "")
    text = text[text.index("A cock was once strutting") : text.index("*** END OF")]
    paragraphs = [p for p in text.split("\n\n") if p.strip() and "[Illustration" not in p]
    # A title is a line of its own that ends in no punctuation.
    told = [p for p in paragraphs if re.search(r"[.!?;:,”’)—]\s*$", p.strip())]
    whole = " ".join(filter(None, map(symbols, told)))
    for i in range(STRINGS):
        line = whole[i * LENGTH : (i + 1) * LENGTH]
        assert len(line) == LENGTH
        print(line)


main()
