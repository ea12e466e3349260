"""Golden numbers of Forward-Forward (Hinton 2022, arXiv:2212.13345): one step in full, ten steps of losses.

Rows are samples. B rows a batch, K classes, layers l = 1 … L of width n_l; W_l [n_{l−1}, n_l], b_l [n_l].

One pass, from an input row x whose first K entries hold a label code:
    x_0 = N(x),  a_l = x_{l−1} W_l + b_l,  h_l = max(0, a_l),  x_l = N(h_l),  N(y) = y / (tiny + √(mean y²))
    G_l = Σ_j h_lj²,  z_l = (G_l − θ_l) / T,  p_l = σ(z_l),  θ_l = n_l,  T = 1

One step, in this order; every pass uses the weights from before the step:
1.  Neutral pass (label code 1/K each). Heads H_l [n_l, K], no bias, layers after the first:
        s = Σ_{l≥2} x_l H_l,  q = softmax(s),  L_head = −mean log q_y,  ∂L_head/∂H_l = x_lᵀ (q − onehot y) / B
    The hard negative is drawn from q without the true label; q is from before the heads' update.
    Here K = 2, so the negative is the other label and nothing is left to chance.
2.  Positive pass (one-hot of the true label, strength 1) and negative pass (one-hot of the wrong label).
        L_l = (1/B) [Σ_pos softplus(−z_l) + Σ_neg softplus(z_l)]
        δ_pos = (1 − p) h,  δ_neg = −p h                                    (ascent; the factor 2/T is dropped)
    Peer normalisation: m ← 0.9 m + 0.1 mean_pos(h), m₀ = 0.5, then on every positive row, dead units too,
        δ_pos += 0.03 (mean(m) − m)
        g_W = (X_posᵀ δ_pos + X_negᵀ δ_neg) / B,  g_b = (Σ_pos δ_pos + Σ_neg δ_neg) / B
3.  Updates, velocities starting at 0; the biases and only they are spared the decay:
        V ← 0.9 V + 0.1 g,  W += 0.01 (V − 0.001 W),  b += 0.01 V_b
        V ← 0.9 V + 0.1 ∂L_head/∂H,  H −= 0.1 (V + 0.003 H)

Every gradient in the JSON points the way of descent: −g_W and −g_b above, and ∂L_head/∂H. Without the peer
term, −g is ∂L/∂ divided by 2; the script proves this against finite differences before it writes anything.

Prediction, two read-outs: (A) s from the neutral pass; (B) for each label, Σ_{l≥2} G_l with that label written.
"""

import numpy as np

from golden import draw_batch, draw_weights, main, normalise, relu, require, slope, softmax

N_IN, CLASSES, WIDTHS, ROWS, STEPS = 12, 2, [8, 7, 6], 5, 10
WEIGHT_SCALE = 1.5  # standard deviation 1.5/√n_in, not 1/√n_in: goodness then falls on both sides of θ
TEMPERATURE = 1.0
MOMENTUM = 0.9
RATE, DECAY = 0.01, 0.001
HEAD_RATE, HEAD_DECAY = 0.1, 0.003
PEER_RATE, PEER_MEMORY, PEER_START = 0.03, 0.9, 0.5


def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def softplus(z):
    return np.logaddexp(0.0, z)


def onehot(y):
    return np.eye(CLASSES)[y]


def overlay(x, code):
    """x with its first K entries replaced by the label code."""
    return np.hstack([np.broadcast_to(code, (len(x), CLASSES)), x[:, CLASSES:]])


def forward(net, x):
    """All layers: their inputs x_0 … x_{L−1} and x_L, activities h_l and goodness G_l [B]."""
    inputs, activities = [normalise(x)], []
    for w, b in zip(net["w"], net["b"]):
        activities.append(relu(inputs[-1] @ w + b))
        inputs.append(normalise(activities[-1]))
    return {"x": inputs, "h": activities, "goodness": [np.sum(h**2, axis=1) for h in activities]}


def head_logits(net, neutral):
    """s = Σ_{l≥2} N(h_l) H_l: [B, K]."""
    return sum(x @ head for x, head in zip(neutral["x"][2:], net["head"]))


def logits(run):
    """z_l [B] of every layer."""
    return [(g - width) / TEMPERATURE for g, width in zip(run["goodness"], WIDTHS)]


def contrastive_losses(positive, negative):
    """L_l of every layer."""
    pairs = zip(logits(positive), logits(negative))
    return [(softplus(-z_pos).sum() + softplus(z_neg).sum()) / len(z_pos) for z_pos, z_neg in pairs]


def cross_entropy(s, y):
    return -np.mean(np.log(softmax(s)[np.arange(len(y)), y]))


def step(net, state, batch):
    """One training step, which changes `net` and `state`; returns all that happened on the way."""
    x, y = batch["x"], batch["y"]

    neutral = forward(net, overlay(x, np.full(CLASSES, 1.0 / CLASSES)))
    s = head_logits(net, neutral)
    q = softmax(s)
    head_gradients = [x_l.T @ (q - onehot(y)) / ROWS for x_l in neutral["x"][2:]]
    head_loss = cross_entropy(s, y)
    wrong = 1 - y

    positive = forward(net, overlay(x, onehot(y)))
    negative = forward(net, overlay(x, onehot(wrong)))
    p_pos, p_neg = [[sigma(z) for z in logits(run)] for run in (positive, negative)]
    losses = contrastive_losses(positive, negative)

    ascent = {"w": [], "b": [], "w_without_peers": [], "b_without_peers": []}
    for l in range(len(WIDTHS)):
        h_pos, h_neg = positive["h"][l], negative["h"][l]
        delta_pos, delta_neg = (1 - p_pos[l])[:, None] * h_pos, -p_neg[l][:, None] * h_neg
        state["peer_mean"][l] = m = PEER_MEMORY * state["peer_mean"][l] + (1 - PEER_MEMORY) * h_pos.mean(axis=0)
        peers = PEER_RATE * (m.mean() - m)
        for name, d in (("", delta_pos + peers), ("_without_peers", delta_pos)):
            ascent["w" + name].append((positive["x"][l].T @ d + negative["x"][l].T @ delta_neg) / ROWS)
            ascent["b" + name].append((d.sum(axis=0) + delta_neg.sum(axis=0)) / ROWS)
    gradients = {name: [-g for g in of_layers] for name, of_layers in ascent.items()}
    gradients["head"] = head_gradients

    velocity = state["velocity"]
    for name, rate, decay in (("w", RATE, DECAY), ("b", RATE, 0.0), ("head", HEAD_RATE, HEAD_DECAY)):
        for l, gradient in enumerate(gradients[name]):
            velocity[name][l] = MOMENTUM * velocity[name][l] + (1 - MOMENTUM) * gradient
            net[name][l] = net[name][l] - rate * (velocity[name][l] + decay * net[name][l])

    return {
        "neutral": neutral | {"head_logits": s, "probabilities": q},
        "wrong_labels": wrong,
        "positive": positive | {"p": p_pos},
        "negative": negative | {"p": p_neg},
        "gradients": gradients,
        "losses": {
            "layers": losses,
            "head": head_loss,
            "goodness_over_theta_positive": [g.mean() / n for g, n in zip(positive["goodness"], WIDTHS)],
            "goodness_over_theta_negative": [g.mean() / n for g, n in zip(negative["goodness"], WIDTHS)],
            "pairwise_errors": [
                np.mean(g_neg > g_pos) for g_pos, g_neg in zip(positive["goodness"], negative["goodness"])
            ],
        },
    }


def predict(net, x):
    """Scores [B, K] by both read-outs; the larger is the better."""
    neutral = forward(net, overlay(x, np.full(CLASSES, 1.0 / CLASSES)))
    of_label = [sum(forward(net, overlay(x, onehot(k)))["goodness"][1:]) for k in range(CLASSES)]
    return {"head_logits": head_logits(net, neutral), "goodness_of_label": np.stack(of_label, axis=1)}


def prove_gradients(net, batch, gradients, rng):
    """The closed forms against finite differences; layer inputs are held fixed, as Forward-Forward demands."""
    x, y = batch["x"], batch["y"]
    fixed = [forward(net, overlay(x, onehot(label)))["x"] for label in (y, 1 - y)]

    def layer_loss(l):
        z = [(np.sum(relu(x_in[l] @ net["w"][l] + net["b"][l]) ** 2, axis=1) - WIDTHS[l]) / TEMPERATURE for x_in in fixed]
        return (softplus(-z[0]).sum() + softplus(z[1]).sum()) / ROWS

    def head_loss():
        return cross_entropy(head_logits(net, forward(net, overlay(x, np.full(CLASSES, 1.0 / CLASSES)))), y)

    cases = [("w", l, lambda l=l: layer_loss(l), 2 / TEMPERATURE) for l in range(len(WIDTHS))]
    cases += [("b", l, lambda l=l: layer_loss(l), 2 / TEMPERATURE) for l in range(len(WIDTHS))]
    cases += [("head", l, head_loss, 1.0) for l in range(len(WIDTHS) - 1)]
    for name, l, loss, factor in cases:
        direction = rng.normal(size=net[name][l].shape)
        key = name if name == "head" else name + "_without_peers"
        closed, measured = factor * np.sum(gradients[key][l] * direction), slope(loss, net[name][l], direction)
        assert abs(closed - measured) < 1e-7 * (1 + abs(measured)), (name, l, closed, measured)


def examine(happened, scores):
    """Refuses a case in which some term of the rule would not show, or single precision could not follow."""
    first = happened[0]
    for l in range(len(WIDTHS)):
        p = np.concatenate([first["positive"]["p"][l], first["negative"]["p"][l]])
        require(p.min() < 0.1 and p.max() > 0.9, "in every layer, rows should fall on both sides of the threshold")
        require(0.25 < np.mean(first["positive"]["h"][l] == 0) < 0.65, "in every layer, about half should be off")
    dead = [np.all(h == 0, axis=0) for h in first["positive"]["h"]]
    require(any(unit.any() for unit in dead), "some unit should be off for every positive row")
    for one in happened:
        for run in ("neutral", "positive", "negative"):
            require(all(h.max(axis=1).min() > 0.05 for h in one[run]["h"]), "no row should be near zero: N jumps there")
        for g_pos, g_neg in zip(one["positive"]["goodness"], one["negative"]["goodness"]):
            require(abs(g_pos - g_neg).min() > 1e-2, "no pair should be near a tie: the pairwise error would jump")
    for s in scores:
        require(set(s.argmax(axis=1)) == set(range(CLASSES)), "both read-outs should predict both labels")
        require(abs(s[:, 0] - s[:, 1]).min() > 1e-3, "no prediction should be near a tie")


def copy(tree):
    return {name: [a.copy() for a in arrays] for name, arrays in tree.items()}


def build(seed):
    rng = np.random.default_rng(seed)
    sizes = [N_IN, *WIDTHS]
    net = {
        "w": [draw_weights(rng, *pair, WEIGHT_SCALE) for pair in zip(sizes, sizes[1:])],
        "b": [np.zeros(n) for n in WIDTHS],
        "head": [np.zeros((n, CLASSES)) for n in WIDTHS[1:]],
    }
    state = {
        "peer_mean": [np.full(n, PEER_START) for n in WIDTHS],
        "velocity": {name: [np.zeros_like(a) for a in arrays] for name, arrays in net.items()},
    }
    batches = [draw_batch(rng, ROWS, N_IN, CLASSES) for _ in range(STEPS)]
    test = draw_batch(rng, ROWS, N_IN, CLASSES)

    initial = copy(net)
    happened = [step(net, state, batches[0])]
    after_one = copy(net) | {"peer_mean": [m.copy() for m in state["peer_mean"]]}
    happened += [step(net, state, batch) for batch in batches[1:]]
    predicted = predict(net, test["x"])
    examine(happened, predicted.values())
    prove_gradients(copy(initial), batches[0], happened[0]["gradients"], rng)

    first = happened[0]
    return {
        "about": "Golden numbers of Forward-Forward, made by forward_forward.py; README.md says what each field is.",
        "seed": seed,
        "settings": {
            "n_in": N_IN, "classes": CLASSES, "widths": WIDTHS, "rows": ROWS, "steps": STEPS,
            "weight_scale": WEIGHT_SCALE, "temperature": TEMPERATURE, "theta": WIDTHS,
            "label_strength": 1.0, "neutral_strength": 1.0 / CLASSES, "momentum": MOMENTUM,
            "rate": RATE, "decay": DECAY, "head_rate": HEAD_RATE, "head_decay": HEAD_DECAY,
            "peer_rate": PEER_RATE, "peer_memory": PEER_MEMORY, "peer_start": PEER_START,
        },
        "initial": initial,
        "batches": batches,
        "step_1": {name: value for name, value in first.items() if name != "losses"} | {"after": after_one},
        "losses": [one["losses"] for one in happened],
        "final": net | {"peer_mean": state["peer_mean"]},
        "test": test | predicted,
    }


if __name__ == "__main__":
    main(__file__, __doc__, 1353, build)
