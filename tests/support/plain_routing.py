"""Routing written from the method's equations as plainly as possible (sections 2.1, 2.2): what `route` is tested against."""
import numpy as np


def upstream_first(downstream):
    """Order of the reaches and, for each, those that drain into it."""
    upstream = [[i for i, d in enumerate(downstream) if d == r] for r in range(len(downstream))]
    order = [r for r, d in enumerate(downstream) if d < 0]
    for r in order:
        order.extend(upstream[r])
    return order[::-1], upstream


def split(downstream, counts):
    """Sub-reaches: downstream of each, the reach of each, the first of each reach."""
    first = np.concatenate([[0], np.cumsum(counts)])
    down = np.arange(1, first[-1] + 1)
    for r, d in enumerate(downstream):
        down[first[r + 1] - 1] = -1 if d < 0 else first[d]
    return down, np.repeat(np.arange(len(counts)), counts), first


def start_area(Q, S, n, p, q):
    def speed(A):
        return ((A * (q + 1) / p) ** (1 / (q + 1)) / (q + 1)) ** (2 / 3) * np.sqrt(S) / n
    depth = (Q * n * (q + 1) ** (5 / 3) / (p * np.sqrt(S))) ** (3 / (5 + 3 * q))
    area = p * depth ** (q + 1) / (q + 1)
    return area if area >= 1e-6 else Q / speed(1e-6)


def conservative_step(s, I, lat, L, S, n, p, q, dt):
    m = (5 + 3 * q) / (3 * (1 + q))
    w = s + dt / 2 * lat
    d = (max(w / L, 1e-6) * (q + 1) / p) ** (1 / (q + 1))
    K = L / (m * (d / (q + 1)) ** (2 / 3) * np.sqrt(S) / n)
    Y = min(K / 2 * (1 - 3 * d / ((5 + 3 * q) * S) / L), dt / 2, K - dt / 2)
    D = K - Y + dt / 2
    Q = (w / m + (dt / 2 - Y) * I + (K / 2 - Y) * lat) / D
    return Q, s * (1 - dt / (m * D)) + dt / D * (K * I + (K / 2 + dt / 2 * (1 - 1 / m)) * lat)


def conservative(downstream, L, S, n, p, q, lateral, dt, state=None):
    """Step means [step][reach] and the last storage."""
    order, upstream = upstream_first(list(downstream))
    out = np.zeros_like(lateral)
    s = np.zeros(len(L)) if state is None else state.copy()
    if state is None:
        Q = lateral[0].copy()
        for r in order:
            Q[r] += sum(Q[u] for u in upstream[r])
            s[r] = L[r] * start_area(Q[r] - lateral[0, r] / 2, S[r], n[r], p[r], q[r])
    for t in range(len(lateral)):
        for r in order:
            I = sum(out[t, u] for u in upstream[r])
            out[t, r], s[r] = conservative_step(s[r], I, lateral[t, r], L[r], S[r], n[r], p[r], q[r], dt)
    return out, s


def positive_travel_time(Q, L, S, n, p, q, dt):
    q = q + 1e-6
    d = max((Q * n * (q + 1) / (p * np.sqrt(S) + 1e-8)) ** (3 / (5 + 3 * q)), 0.01)
    T = p * d ** q
    z = min(max(T * q / (2 * d), 0.5), 50)
    b = max(T - 2 * z * d, 0.01)
    A, P = (T + b) * d / 2, b + 2 * d * np.sqrt(1 + z * z)
    v = min(max((A / P) ** (2 / 3) * np.sqrt(S) / n, 0.01), 15)
    c = v * (5 / 3 - 4 / 3 * A * np.sqrt(1 + z * z) / (T * P))
    K = max(L / c, dt * 1.01 / 2)
    X = min(max(0.5 * (1 - Q / (T * S * c * L)), 0), 0.5)
    return K, min(X, 0.99 * min(dt / K / 2, 1 - dt / K / 2))


def positive(downstream, L, S, n, p, q, lateral, dt, state=None, q_min=1e-4):
    """Instants [step + 1][reach] and the last of them."""
    order, upstream = upstream_first(list(downstream))
    lateral = np.maximum(lateral, q_min)
    Q = np.zeros((len(lateral) + 1, len(L)))
    if state is None:
        Q[0] = lateral[0]
        for r in order:
            Q[0, r] += sum(Q[0, u] for u in upstream[r])
    else:
        Q[0] = np.maximum(state, q_min)
    for t in range(len(lateral)):
        raw = np.zeros(len(L))
        for r in order:
            K, X = positive_travel_time(Q[t, r], L[r], S[r], n[r], p[r], q[r], dt)
            raw[r] = ((dt - 2 * K * X) * sum(raw[u] for u in upstream[r]) + (dt + 2 * K * X) * sum(Q[t, u] for u in upstream[r])
                      + (2 * K * (1 - X) - dt) * Q[t, r] + 2 * dt * lateral[t, r]) / (2 * K * (1 - X) + dt)
        Q[t + 1] = np.maximum(raw, q_min)
    return Q, Q[-1]


def means(rows, length, offset, count):
    """Mean i of rows i length + offset .. + length - 1, NaN where they reach outside."""
    out = np.full((count, rows.shape[1]), np.nan)
    for i in range(count):
        first = i * length + offset
        if first >= 0 and first + length <= len(rows):
            out[i] = rows[first:first + length].mean(axis=0)
    return out
