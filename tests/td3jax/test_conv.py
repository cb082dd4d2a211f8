"""`conv` against XLA's own convolution and derivatives, everywhere that training uses it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td3jax.conv import _conv, compiler_options, conv, plain_conv

NATURE = [
    ((16, 84, 84, 4), (8, 8, 4, 32), 4),
    ((16, 20, 20, 32), (4, 4, 32, 64), 2),
    ((16, 9, 9, 64), (3, 3, 64, 64), 1),
]


def _inputs(x_shape, kernel_shape, stride, seed=0):
    rng = np.random.default_rng(seed)
    x = jnp.asarray(rng.normal(size=x_shape), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=kernel_shape) / np.prod(kernel_shape[:3]), jnp.float32)
    shape = jax.eval_shape(lambda a, b: plain_conv(a, b, stride), x, kernel).shape
    return x, kernel, jnp.asarray(rng.normal(size=shape), jnp.float32)


def _value_and_gradients(function, x, kernel, weight, stride):
    y, pull = jax.vjp(lambda a, b: function(a, b, stride), x, kernel)
    return (y, *pull(weight))


def _assert_close(ours, theirs):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype == jnp.float32
        scale = float(jnp.max(jnp.abs(b))) + 1e-12
        np.testing.assert_allclose(np.asarray(a) / scale, np.asarray(b) / scale, atol=3e-6)


@pytest.mark.parametrize("case", NATURE)
@pytest.mark.parametrize("compiled", [False, True])
def test_nature_layers_equal_the_plain_convolution(case, compiled):
    inputs = _inputs(*case)
    ours = lambda *a: _value_and_gradients(_conv, *a, case[2])  # noqa: E731
    plain = lambda *a: _value_and_gradients(plain_conv, *a, case[2])  # noqa: E731
    if compiled:
        ours = jax.jit(ours, compiler_options=compiler_options())
    _assert_close(ours(*inputs), plain(*inputs))


@settings(max_examples=5, deadline=None)
@given(
    batch=st.sampled_from([1, 3, 8, 16]),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 4),
    extra=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    channels=st.sampled_from([(1, 2), (3, 5), (9, 4)]),
)
def test_any_kernel_stride_and_size(batch, kernel, stride, extra, channels):
    size = (kernel[0] + extra[0], kernel[1] + extra[1])
    x, weights, dy = _inputs((batch, *size, channels[0]), (*kernel, *channels), stride)
    ours = _value_and_gradients(_conv, x, weights, dy, stride)
    _assert_close(ours, _value_and_gradients(plain_conv, x, weights, dy, stride))


def _two_layers(function, kernels, x):
    hidden = jax.nn.relu(function(x, kernels[0], 4))
    return jnp.sum(jnp.square(function(hidden, kernels[1], 2)))


def _network():
    x, first, _ = _inputs((8, 44, 44, 4), (8, 8, 4, 8), 4)
    return x, (first, _inputs((8, 10, 10, 8), (4, 4, 8, 16), 2, seed=1)[1])


def test_gradients_inside_cond_and_scan():
    x, kernels = _network()
    gradient = lambda f, k: jax.grad(lambda q: _two_layers(f, q, x))(k)  # noqa: E731

    def trained(function, kernels):
        def step(weights, index):
            zeros = jax.tree.map(jnp.zeros_like, weights)
            move = jax.lax.cond(
                index % 2 == 0, lambda k: gradient(function, k), lambda _: zeros, weights
            )
            return jax.tree.map(lambda w, m: w - 1e-3 * m, weights, move), None

        return jax.lax.scan(step, kernels, jnp.arange(3))[0]

    ours = jax.jit(lambda k: trained(_conv, k), compiler_options=compiler_options())(kernels)
    moved = float(jnp.max(jnp.abs(ours[0] - kernels[0])))
    assert moved > 1e-6
    _assert_close(ours, trained(plain_conv, kernels))


def _convolutions(function, *arguments) -> int:
    compiled = jax.jit(function, compiler_options=compiler_options()).lower(*arguments).compile()
    return sum(" convolution(" in line for line in compiled.as_text().splitlines())


def test_no_work_for_the_gradient_of_the_first_layers_input():
    x, kernels = _network()
    first_two = _convolutions(lambda k: _two_layers(_conv, k, x), kernels)
    assert first_two == 2
    weights_only = _convolutions(jax.grad(lambda k: _two_layers(_conv, k, x)), kernels)
    everything = _convolutions(
        jax.grad(lambda k, images: _two_layers(_conv, k, images), argnums=(0, 1)), kernels, x
    )
    assert weights_only == 2 + 2 + 1
    assert everything == weights_only + 1


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the derivatives are for a CPU")
def test_scan_does_not_make_gradients_slow():
    """Every convolution inside the loop has the layout that XLA's fast CPU kernels take."""
    x, kernels = _network()

    def loop(kernels):
        step = lambda k, _: (jax.grad(lambda q: _two_layers(conv, q, x))(k), None)  # noqa: E731
        return jax.lax.scan(step, kernels, None, length=2)[0]

    compiled = jax.jit(loop, compiler_options=compiler_options()).lower(kernels).compile()
    lines = [line for line in compiled.as_text().splitlines() if " convolution(" in line]
    assert len(lines) == 5
    assert all("dim_labels=b01f_01io->b01f" in line for line in lines)
