"""What the golden scripts share: drawing the tiny cases, and reading and writing their JSON.

Inputs are multiples of 1/256 and weights are rounded to float32, so an implementation in single precision
starts from exactly the numbers written here. All arithmetic after that is float64.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

TINY = 1e-20  # in the normaliser: N(0) = 0 instead of 0/0


def normalise(y):
    """N(y) = y / (tiny + √(mean_j y_j²)), row by row: [B, n] → [B, n] of root mean square 1."""
    return y / (TINY + np.sqrt(np.mean(y**2, axis=1, keepdims=True)))


def relu(a):
    """max(0, a)."""
    return np.maximum(a, 0.0)


def softmax(logits):
    """p_k = e^{s_k} / Σ_i e^{s_i}, row by row."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def draw_weights(rng, n_in, n_out, scale=1.0):
    """W [n_in, n_out] ~ scale · N(0, 1/n_in), rounded to float32."""
    return np.float32(rng.normal(0.0, scale / np.sqrt(n_in), (n_in, n_out))).astype(np.float64)


def draw_batch(rng, rows, n_in, classes):
    """x [rows, n_in] of multiples of 1/256 in [0, 1), and y [rows] in 0..classes."""
    return {"x": rng.integers(0, 256, (rows, n_in)) / 256.0, "y": rng.integers(0, classes, rows)}


def slope(loss, parameter, direction, eps=1e-6):
    """⟨∂L/∂p, direction⟩ by central difference; `loss` reads `parameter`, which is put back as it was."""
    kept = parameter.copy()
    parameter[...] = kept + eps * direction
    up = loss()
    parameter[...] = kept - eps * direction
    down = loss()
    parameter[...] = kept
    return (up - down) / (2 * eps)


def require(condition, why):
    """The case must exercise `why`; another seed is needed where it does not."""
    if not condition:
        sys.exit(f"this seed makes a poor golden case: {why}")


def plain(tree):
    """The tree with arrays as nested lists and NumPy scalars as Python numbers."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [plain(value) for value in tree]
    if isinstance(tree, (np.ndarray, np.generic)):
        return tree.tolist()
    return tree


def text(tree, indent=0):
    """JSON with one line a row of numbers, so that a changed row is a changed line."""
    pad = " " * (indent + 1)
    if isinstance(tree, dict):
        body = [f"{pad}{json.dumps(key)}: {text(value, indent + 1)}" for key, value in tree.items()]
        return "{\n" + ",\n".join(body) + "\n" + " " * indent + "}"
    if isinstance(tree, list) and any(isinstance(value, (dict, list)) for value in tree):
        return "[\n" + ",\n".join(pad + text(value, indent + 1) for value in tree) + "\n" + " " * indent + "]"
    return json.dumps(tree, allow_nan=False)


def farthest(a, b, path=""):
    """The largest |a − b| / (1 + |b|) over two trees, and where; a difference in shape or text is infinite."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((farthest(a[key], b[key], f"{path}.{key}") for key in a), default=(0.0, path))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((farthest(*pair, f"{path}[{i}]") for i, pair in enumerate(zip(a, b))), default=(0.0, path))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) / (1 + abs(b)), path
    return (0.0, path) if a == b else (float("inf"), path)


def main(script, doc, default_seed, build):
    """The command line of a golden script: build the case, then write it beside the script or check it."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=default_seed, help="seed of the case (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(script).with_suffix(".json"), help="the JSON (default: beside the script)")
    parser.add_argument("--check", action="store_true", help="compare with the JSON instead of writing it")
    options = parser.parse_args()
    tree = plain(build(options.seed))
    if options.check:
        distance, where = farthest(tree, json.loads(options.out.read_text()))
        print(f"{options.out.name}: largest relative difference {distance:.1e} at {where.lstrip('.')}")
        sys.exit(distance > 1e-12)
    options.out.write_text(text(tree) + "\n")
    print(f"{options.out.name}: {options.out.stat().st_size} bytes")
