"""Golden numbers of recurrent Forward-Forward (Hinton 2022, arXiv:2212.13345, section 3.4): four steps.

Rows are samples. B rows a batch, K classes, hidden layers l = 1 … L of width n_l; U_l [n_{l−1}, n_l], b_l [n_l],
D_l [n_{l+1}, n_l], n_{L+1} = K.

Settling, from an image s_0 and a label code s_{L+1}, both clamped:
    s_l(0) = relu(N(s_{l−1}(0)) U_l + b_l)                          one bottom-up pass, N(y) = y / (tiny + √(mean y²))
    h_l(t) = relu(N(s_{l−1}(t−1)) U_l + N(s_{l+1}(t−1)) D_l + b_l)
    s_l(t) = 0.3 s_l(t−1) + 0.7 h_l(t)                              t = 1 … 8
    G_l(t) = Σ_j s_lj(t)²,  z = (G − θ_l) / T,  p = σ(z),  θ_l = n_l,  T = 1

One step, in this order; all of it uses the weights from before the step:
1.  Settling under the neutral code, 1/K each. Heads H_l [n_l, K], no bias, every layer:
        v = Σ_l N(s_l(8)) H_l,  q = softmax(v),  L_head = −mean log q_y,  ∂L_head/∂H_l = N(s_l)ᵀ (q − onehot y) / B
    The wrong label is drawn from q without the true one: with K = 2 it is the other, nothing is left to chance.
2.  Settling under the true label (positive) and under the wrong one (negative). What a layer hears and its own past
    are constants: ∂G/∂h = 2 · 0.7 s. The factor 2/T is dropped. Every iteration teaches, in the mean:
        δ_pos(t) = 0.7 (1 − p) s ⊙ [h > 0] / 8,  δ_neg(t) = −0.7 p s ⊙ [h > 0] / 8            (ascent)
    Peer normalisation: m ← 0.9 m + 0.1 mean over positive rows and iterations of s, m₀ = 0.5, then on every positive
    row of every iteration, units that are off too,
        δ_pos(t) += 0.03 (mean(m) − m) / 8
        g_U = Σ_t N(s_{l−1}(t−1))ᵀ δ_l(t) / B,  g_D = Σ_t N(s_{l+1}(t−1))ᵀ δ_l(t) / B,  g_b = Σ_t Σ_rows δ_l(t) / B
3.  Updates, velocities starting at 0; the biases and only they are spared the decay:
        V ← 0.9 V + 0.1 g,  W += 0.01 (V − 0.001 W),  b += 0.01 V_b
        V ← 0.9 V + 0.1 ∂L_head/∂H,  H −= 0.1 (V + 0.003 H)

Without the peer term, −g is ∂L/∂ divided by 2, L being the mean of the losses of all iterations; the script proves
this against finite differences before it writes anything.

Prediction, two read-outs: (A) v; (B) for each label, Σ_l G_l(t) with that label clamped, in the mean over t = 3, 4, 5.
"""

import numpy as np

from golden import draw_batch, draw_weights, main, normalise, relu, require, slope, softmax

N_IN, CLASSES, WIDTHS, ROWS, STEPS = 12, 2, [8, 7], 5, 4
WEIGHT_SCALE = 1.2
ITERATIONS, DAMPING, READ = 8, 0.3, (3, 5)
MOMENTUM, RATE, DECAY, HEAD_RATE, HEAD_DECAY = 0.9, 0.01, 0.001, 0.1, 0.003
PEER_RATE, PEER_MEMORY, PEER_START = 0.03, 0.9, 0.5
LAYERS = range(len(WIDTHS))


def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def onehot(y):
    return np.eye(CLASSES)[y]


def neutral_code(rows):
    return np.full((rows, CLASSES), 1.0 / CLASSES)


def settle(net, image, label):
    """Every iteration: what each layer hears from below and above, its activity h and its state s."""
    states = [image]
    for u, b in zip(net["w"], net["b"]):
        states.append(relu(normalise(states[-1]) @ u + b))
    states.append(label)
    happened = []
    for _ in range(ITERATIONS):
        seen = [normalise(s) for s in states]
        h = [relu(seen[l] @ net["w"][l] + seen[l + 2] @ net["d"][l] + net["b"][l]) for l in LAYERS]
        s = [DAMPING * states[l + 1] + (1 - DAMPING) * h[l] for l in LAYERS]
        happened.append({"below": seen[:-2], "above": seen[2:], "before": states[1:-1], "h": h, "s": s})
        states = [image, *s, label]
    return happened


def excess(one):
    """z_l [B] of an iteration."""
    return [np.sum(s**2, axis=1) - width for s, width in zip(one["s"], WIDTHS)]


def losses(positive, negative):
    """L_l of an iteration."""
    pairs = zip(excess(positive), excess(negative))
    return [(np.logaddexp(0, -p).sum() + np.logaddexp(0, n).sum()) / len(p) for p, n in pairs]


def head_logits(net, x):
    last = settle(net, x, neutral_code(len(x)))[-1]
    seen = [normalise(s) for s in last["s"]]
    return sum(s @ head for s, head in zip(seen, net["heads"])), seen


def step(net, state, batch):
    """One training step, which changes `net` and `state`; returns all that happened on the way."""
    x, y = batch["x"], batch["y"]
    v, seen = head_logits(net, x)
    q = softmax(v)
    head_loss = -np.mean(np.log(q[np.arange(len(y)), y]))
    positive, negative = settle(net, x, onehot(y)), settle(net, x, onehot(1 - y))

    ascent = {"w": [], "d": [], "b": [], "w_without_peers": [], "d_without_peers": [], "b_without_peers": []}
    for l in LAYERS:
        means = np.mean([one["s"][l].mean(axis=0) for one in positive], axis=0)
        state["peer_mean"][l] = m = PEER_MEMORY * state["peer_mean"][l] + (1 - PEER_MEMORY) * means
        for name, peers in (("", PEER_RATE * (m.mean() - m)), ("_without_peers", 0.0)):
            g = {"w": 0.0, "d": 0.0, "b": 0.0}
            for pos, neg in zip(positive, negative):
                delta_pos = (1 - DAMPING) * sigma(-excess(pos)[l])[:, None] * pos["s"][l] * (pos["h"][l] > 0) + peers
                delta_neg = -(1 - DAMPING) * sigma(excess(neg)[l])[:, None] * neg["s"][l] * (neg["h"][l] > 0)
                for one, delta in ((pos, delta_pos), (neg, delta_neg)):
                    delta = delta / (ITERATIONS * ROWS)
                    g["w"] = g["w"] + one["below"][l].T @ delta
                    g["d"] = g["d"] + one["above"][l].T @ delta
                    g["b"] = g["b"] + delta.sum(axis=0)
            for key, value in g.items():
                ascent[key + name].append(value)
    gradients = {name: [-g for g in of_layers] for name, of_layers in ascent.items()}
    gradients["heads"] = [s.T @ (q - onehot(y)) / ROWS for s in seen]

    for name, rate, decay in (("w", RATE, DECAY), ("d", RATE, DECAY), ("b", RATE, 0.0), ("heads", HEAD_RATE, HEAD_DECAY)):
        for l, gradient in enumerate(gradients[name]):
            velocity = state["velocity"][name]
            velocity[l] = MOMENTUM * velocity[l] + (1 - MOMENTUM) * gradient
            net[name][l] = net[name][l] - rate * (velocity[l] + decay * net[name][l])

    last = positive[-1], negative[-1]
    over_theta = [[np.mean(np.sum(s**2, axis=1)) / n for s, n in zip(one["s"], WIDTHS)] for one in last]
    return {
        "positive": positive, "negative": negative, "gradients": gradients,
        "losses": {
            "head": head_loss, "last_iteration": losses(*last),
            "goodness_over_theta_positive": over_theta[0], "goodness_over_theta_negative": over_theta[1],
        },
    }


def predict(net, x):
    """Scores [B, K] by both read-outs, and goodness at each iteration; the larger is the better."""
    runs = [settle(net, x, onehot(np.full(len(x), k))) for k in range(CLASSES)]
    of = lambda one: sum(np.sum(s**2, axis=1) for s in one["s"])
    goodness = [np.stack([of(run[t]) for run in runs], axis=1) for t in range(ITERATIONS)]
    first, last = READ
    return {
        "head_logits": head_logits(net, x)[0], "goodness_of_label": np.mean(goodness[first - 1 : last], axis=0),
        "goodness_of_label_at": goodness,
    }


def prove_gradients(net, batch, first, rng):
    """The closed forms against finite differences; what a layer hears and its own past are held fixed."""

    def layer_loss(l):
        total = 0.0
        for pos, neg in zip(first["positive"], first["negative"]):
            for one, sign in ((pos, -1), (neg, 1)):
                h = relu(one["below"][l] @ net["w"][l] + one["above"][l] @ net["d"][l] + net["b"][l])
                s = DAMPING * one["before"][l] + (1 - DAMPING) * h
                total += np.logaddexp(0, sign * (np.sum(s**2, axis=1) - WIDTHS[l])).sum()
        return total / (ITERATIONS * ROWS)

    for l in LAYERS:
        for name in ("w", "d", "b"):
            direction = rng.normal(size=net[name][l].shape)
            closed = 2 * np.sum(first["gradients"][name + "_without_peers"][l] * direction)
            measured = slope(lambda: layer_loss(l), net[name][l], direction)
            assert abs(closed - measured) < 1e-6 * (1 + abs(measured)), (name, l, closed, measured)


def examine(happened, scores):
    """Refuses a case in which some term of the rule would not show, or single precision could not follow."""
    first = happened[0]
    for l in LAYERS:
        p = np.concatenate([sigma(excess(one)[l]) for one in first["positive"] + first["negative"]])
        require(p.min() < 0.1 and p.max() > 0.9, "in every layer, rows should fall on both sides of the threshold")
        off = np.mean([one["h"][l] == 0 for one in first["positive"]])
        require(0.2 < off < 0.7, "in every layer, about half should be off")
    for one in happened:
        for settled in (one["positive"], one["negative"]):
            require(all(s.max(axis=1).min() > 0.05 for now in settled for s in now["s"]), "no row should be near zero")
            below = [now["below"] for now in settled]
            require(all(np.isfinite(x).all() for xs in below for x in xs), "nothing should diverge")
    require(set(scores["goodness_of_label"].argmax(axis=1)) == set(range(CLASSES)), "both labels should be predicted")
    gap = scores["goodness_of_label"]
    require(abs(gap[:, 0] - gap[:, 1]).min() > 1e-3, "no prediction should be near a tie")


def copy(tree):
    return {name: [a.copy() for a in arrays] for name, arrays in tree.items()}


def build(seed):
    rng = np.random.default_rng(seed)
    sizes = [N_IN, *WIDTHS, CLASSES]
    net = {
        "w": [draw_weights(rng, sizes[l], sizes[l + 1], WEIGHT_SCALE) for l in LAYERS],
        "d": [draw_weights(rng, sizes[l + 2], sizes[l + 1], WEIGHT_SCALE) for l in LAYERS],
        "b": [np.zeros(n) for n in WIDTHS],
        "heads": [np.zeros((n, CLASSES)) for n in WIDTHS],
    }
    state = {
        "peer_mean": [np.full(n, PEER_START) for n in WIDTHS],
        "velocity": {name: [np.zeros_like(a) for a in arrays] for name, arrays in net.items()},
    }
    batches = [draw_batch(rng, ROWS, N_IN, CLASSES) for _ in range(STEPS)]
    test = draw_batch(rng, ROWS, N_IN, CLASSES)

    initial = copy(net)
    before = predict(net, batches[0]["x"])
    happened = [step(net, state, batches[0])]
    after_one = copy(net) | {"peer_mean": [m.copy() for m in state["peer_mean"]]}
    happened += [step(net, state, batch) for batch in batches[1:]]
    predicted = predict(net, test["x"])
    examine(happened, predicted)
    prove_gradients(copy(initial), batches[0], happened[0], rng)
    return {
        "about": "Golden numbers of recurrent Forward-Forward, made by recurrent.py; README.md says what each field is.",
        "seed": seed,
        "initial": initial,
        "batches": batches,
        "step_1": {"before": before, "gradients": happened[0]["gradients"], "after": after_one},
        "losses": [one["losses"] for one in happened],
        "final": net | {"peer_mean": state["peer_mean"]},
        "test": test | predicted,
    }


if __name__ == "__main__":
    main(__file__, __doc__, 11, build)
