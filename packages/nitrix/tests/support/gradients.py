"""Derivatives against finite differences, in float64: reverse and forward mode, first and second order."""

import jax
import jax.numpy as jnp
import numpy as np

# The numbers matter here and not the speed: compiling without optimisation takes a fraction of the time.
QUICK_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def check_gradients(function, *primals, forward=True, order=2, rtol=1e-6, step=1e-5, seed=0):
    """Check the derivatives of an array function of float64 arrays along random directions.

    `forward`: whether JAX can take the first derivative in forward mode (not through a `custom_vjp`). The second order
    is reverse over reverse and forward over reverse. Central differences are good to about 1e-9 of the values' scale.
    """
    assert jax.config.jax_enable_x64, "take the fixture x64"
    rng = np.random.default_rng(seed)
    primals = tuple(jnp.asarray(p) for p in primals)
    directions = tuple(jnp.asarray(rng.normal(size=p.shape)) for p in primals)
    weight = jnp.asarray(rng.normal(size=jax.eval_shape(function, *primals).shape))
    everything = tuple(range(len(primals)))

    def loss(*primals):
        return jnp.sum(weight * jnp.sin(function(*primals)))

    def slope(*primals):
        return sum(jnp.vdot(g, d) for g, d in zip(jax.grad(loss, everything)(*primals), directions))

    def everything_at(primals):
        value, gradient = jax.value_and_grad(loss, everything)(*primals)
        results = {"value": value, "gradient": gradient}
        if forward:
            results["forward"] = jax.jvp(loss, primals, directions)[1]
        if order > 1:
            results["forward over reverse"] = jax.jvp(jax.grad(loss, everything), primals, directions)[1]
            results["reverse over reverse"] = jax.grad(slope, everything)(
                *primals
            )  # the Hessian is symmetric
        return results

    at = jax.jit(everything_at, compiler_options=QUICK_COMPILE)
    here, high, low = (at(tuple(p + s * step * d for p, d in zip(primals, directions))) for s in (0, 1, -1))
    slopes = jax.tree.map(lambda h, l: (h - l) / (2 * step), high, low)
    scale = sum(float(jnp.sum(jnp.abs(g * d))) for g, d in zip(here["gradient"], directions)) + 1e-3
    got = {"reverse": sum(float(jnp.vdot(g, d)) for g, d in zip(here["gradient"], directions))}
    got |= {"forward": float(here["forward"])} if forward else {}
    for mode, value in got.items():
        np.testing.assert_allclose(value, slopes["value"], rtol=0, atol=rtol * scale, err_msg=f"{mode} mode")
    for mode in ("forward over reverse", "reverse over reverse"):
        for i, (got_row, wanted) in enumerate(zip(here.get(mode, ()), slopes["gradient"])):
            tolerance = rtol * (float(jnp.max(jnp.abs(wanted), initial=0)) + 1)
            np.testing.assert_allclose(
                got_row, wanted, rtol=0, atol=tolerance, err_msg=f"{mode}, operand {i}"
            )
