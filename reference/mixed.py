"""Golden numbers of mixed losses, global and local, back-propagated through everything: two cases, ten steps of each.

16 inputs, 3 classes, 8 rows a batch. pieces.py has the formulas of the pieces and of the scores; here

    f_0 = dense 16 → 9      f_1 = layer norm, dense 9 → 8      f_2 = dense 8 → 7, layer norm      ReLU in each dense
    z = h_2 W + b

    total = (1 − λ) CE(z, y) + λ (1/3) Σ_l CE(score_l(h_l), y)
    ∂/∂h_l = what comes down from f_{l+1} (for l = 2: from z), and (λ/3) ∂CE/∂h_l by its own score

    pooled   λ = 0.4; of a flat layer the pooled score is s = h M + b
    fading   maps, λ from 1 to 0.5 over three epochs of 4, 3, 3 steps: 1, 0.75, 0.5; while λ = 1 nothing but decay moves the
             output layer; the input row is divided by its root mean square

AdamW of rate 0.01, λ_decay = 0.01, one count of steps for all. The script proves the gradients against finite differences
before it writes anything.
"""

import numpy as np

from golden import draw_weights, normalise, require
from pieces import AdamW, Dense, Maps, Norm, Pooled, Projection, Stack, copy, draw_striped, examine, follow, loss, main, prove

CLASSES, N_IN, ROWS, STEPS = 3, 16, 8, 10
RATE, DECAY = 0.01, 0.01
EPOCHS = [1, 1, 1, 1, 2, 2, 2, 3, 3, 3]
CASES = {
    "pooled": {"score": "pooled", "lambda": 0.4, "lambda_end": 0.4, "norm": "none"},
    "fading": {"score": "maps", "lambda": 1.0, "lambda_end": 0.5, "norm": "rms"},
}
OUTPUT = Projection("output", 7, CLASSES)


def blocks():
    return [Dense("0", 16, 9), Stack(Norm(), Dense("1", 9, 8)), Stack(Dense("2", 8, 7), Norm())]


def scores(kind):
    return [{"pooled": Pooled, "maps": Maps}[kind](f"score.{l}", n, CLASSES) for l, n in enumerate((9, 8, 7))]


def gradients(p, settings, share, batch):
    """The total loss, and all that a step does but move parameters."""
    x, y = batch["x"], batch["y"]
    if settings["norm"] == "rms":
        x = normalise(x)
    told, way, moved, corners = [], [], {}, []
    for block, score in zip(blocks(), scores(settings["score"])):
        x, kept = block.up(p, x, True)
        corners.append(block.corners(kept))
        told.append(x)
        s, seen = score.up(p, x)
        local, ds, _ = loss(s, y)
        way.append((block, kept, score, seen, ds, local))
    z, kept_z = OUTPUT.up(p, x)
    whole, dz, wrong = loss(z, y)
    dh = OUTPUT.back(p, kept_z, (1 - share) * dz, moved)
    for block, kept, score, seen, ds, _ in way[::-1]:
        dh = dh + score.back(p, seen, share / len(way) * ds, moved)
        dh = block.back(p, kept, dh, moved)
    local = [one[-1] for one in way]
    total = (1 - share) * whole + share * sum(local) / len(local)
    return total, {"h": told, "logits": z, "loss": whole, "local": local, "errors": [wrong], "corners": min(corners)}, moved


def share_of(settings, epoch):
    """λ of an epoch, from 1."""
    return settings["lambda"] + (settings["lambda_end"] - settings["lambda"]) * (epoch - 1) / (EPOCHS[-1] - 1)


def run(settings, p, batches, test):
    optimizer, happened = AdamW(RATE, DECAY), []
    for epoch, batch in zip(EPOCHS, batches):
        _, told, moved = gradients(p, settings, share_of(settings, epoch), batch)
        optimizer.step(p, moved)
        happened.append((told, moved))
    told, moved = happened[0]
    return {
        "step_1": {"h": told["h"], "logits": told["logits"], "gradients": moved},
        "losses": [{name: told[name] for name in ("loss", "local", "errors")} for told, _ in happened],
        "final": p,
        "test_scores": {"logits": gradients(p, settings, 0.0, test)[1]["logits"]},
        "corners": min(told["corners"] for told, _ in happened),
    }


def train(settings, trunk, batches, test, rng):
    """One case, from the parameters of trunk and output layer and scores of its own."""
    own = {name: values for score in scores(settings["score"]) for name, values in score.draw(rng).items()}
    initial = trunk | own
    for share in (0.3, 1.0):
        _, _, moved = gradients(initial, settings, share, batches[0])
        prove(f"λ = {share}", lambda q: gradients(q, settings, share, batches[0])[0], initial, moved, rng)
    happened = follow(lambda *case: run(settings, *case), initial, batches, test)
    if settings["lambda"] < 1:
        examine(happened)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner")
    for one in happened["losses"]:
        del one["errors"]  # nobody says them
    return {"settings": settings, "initial": own} | happened


def build(seed):
    rng = np.random.default_rng(seed)
    trunk = {name: values for piece in [*blocks(), OUTPUT] for name, values in piece.draw(rng).items()}
    batches = [draw_striped(rng, ROWS, N_IN, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, N_IN, CLASSES)
    return {
        "about": "Golden numbers of mixed losses, made by mixed.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {"classes": CLASSES, "n_in": N_IN, "rows": ROWS, "steps": STEPS, "rate": RATE, "decay": DECAY, "epochs": EPOCHS},
        "initial": trunk,
        "batches": batches,
        "test": test,
    } | {name: train(settings, trunk, batches, test, rng) for name, settings in CASES.items()}


if __name__ == "__main__":
    main(__file__, __doc__, 4, build)
