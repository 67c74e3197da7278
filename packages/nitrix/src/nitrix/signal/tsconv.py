"""Convolution of time series: with kernels, with kernels over a basis of their values, over their powers."""

from collections.abc import Callable, Sequence
from typing import Literal

from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from nitrix.signal import _series_rows as rows

Padding = Literal["SAME", "VALID", "CAUSAL", "ANTICAUSAL", "initial", "final"] | tuple[int, int]


def tsconv(
    X: Num[ArrayLike, "... c obs"],
    weight: Num[ArrayLike, "c_out c k"],
    *,
    padding: Padding = "SAME",
) -> Float[Array, "... c_out obs_out"]:
    """Convolve series with kernels, mixing their channels.

    out[o, t] = sum over c and j of weight[o, c, j] X[c, t + j - before]: a cross-correlation, the kernel is not
    turned round, as in networks. Differentiable in both, in both directions. On a CPU series of few channels are
    summed in shifted products, others by XLA's convolution.

    Args:
      X: The series; leading axes are a batch. Integers and booleans give the default float; float16 and bfloat16 are
        summed in float32.
      weight: A kernel of k frames for each output and channel.
      padding: Zeros around the series. "SAME": as many frames come out as went in; an even kernel has its extra zero
        behind. "VALID": none. "CAUSAL", also "initial": k - 1 before, so that a frame sees the past only. "ANTICAUSAL",
        also "final": k - 1 behind. Or their numbers, (before, after).
    Returns:
      The convolved series, in the floating dtype of `X`; obs + before + after - k + 1 frames.
    Raises:
      TypeError: If `X` or the weight holds no real numbers.
      ValueError: If the channels do not fit, if the kernel is empty or longer than the padded series, or if `padding`
        is unknown.

    References:
      LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86(11),
      1998. doi:10.1109/5.726791

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import tsconv
      >>> series = jnp.asarray([[1.0, 2.0, 4.0, 8.0]])
      >>> tsconv(series, jnp.asarray([[[-1.0, 1.0]]]), padding="CAUSAL").tolist()
      [[1.0, 1.0, 2.0, 4.0]]
    """
    series, kernels = rows.read(X, weight, "tsconv")
    if series.ndim < 2 or kernels.ndim != 3:
        raise ValueError(
            f"tsconv: X{list(series.shape)} and weight{list(kernels.shape)} must be [..., channel, time] and "
            "[output, channel, time]."
        )
    if series.shape[-2] != kernels.shape[1]:
        raise ValueError(
            f"tsconv: X{list(series.shape)} has {series.shape[-2]} channels but weight{list(kernels.shape)} is for "
            f"{kernels.shape[1]}; give one kernel for each output and channel."
        )
    around = rows.around(padding, series.shape[-1], kernels.shape[-1], "tsconv")
    return rows.convolved(series, kernels, around=around)


def tsconv2d(
    X: Num[ArrayLike, "..."],
    weight: Num[ArrayLike, "..."],
    *,
    bias: Num[ArrayLike, " c_out"] | None = None,
    padding: Padding = "SAME",
) -> Float[Array, "... c_out rows obs_out"]:
    """Convolve series of several variables, each in several channels.

    out[o, i, t] = bias[o] + sum over k and j of weight[o, k, 0, j] X[k, i, t + j - before]. With one row of weights
    for each variable, i is summed over too, and one row comes out.

    Args:
      X: The series [... channel variable time]; with fewer than four axes [... variable time], of one channel, so
        that three axes are a batch of series.
      weight: The kernels [output channel row time], with one row or one for each variable; with three axes
        [output row time], for one channel.
      bias: Added to each output.
      padding: Zeros around the series, as in `tsconv`.
    Returns:
      The convolved series [... output variable time], or one row in place of the variables.
    Raises:
      TypeError: If an operand holds no real numbers.
      ValueError: If channels, rows or the bias do not fit, if the kernel is empty or longer than the padded series,
        or if `padding` is unknown.

    References:
      LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86(11),
      1998. doi:10.1109/5.726791

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import tsconv2d
      >>> X = jnp.asarray([[1.0, 2.0, 3.0], [0.0, 10.0, 0.0]])  # [variable, time]
      >>> tsconv2d(X, jnp.ones((1, 1, 2, 1)), bias=jnp.asarray([0.5])).tolist()  # a row for each variable: they add up
      [[[1.5, 12.5, 3.5]]]
    """
    series, kernels = rows.with_channels(X, weight, "tsconv2d")
    return rows.convolved_rows(series, kernels, bias, padding, "tsconv2d")


def basischan(
    X: Num[ArrayLike, "..."],
    basis_functions: Sequence[Callable[[Array], Array]],
    *,
    include_const: bool = False,
) -> Float[Array, "... k variable obs"]:
    """Channels of series: what each function of a basis makes of their values.

    Args:
      X: The series [... channel variable time]; with fewer than four axes [... variable time], of one channel.
      basis_functions: Functions of arrays, elementwise.
      include_const: Put a channel of ones before them.
    Returns:
      [... k variable time]: for each channel of `X` in turn its constant, if there is one, and its functions.
    Raises:
      TypeError: If `X` holds no real numbers.
      ValueError: If `X` has less than two axes, if there is no function, or if one of them changes the shape.

    References:
      Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 2009, chapter 5.
      doi:10.1007/978-0-387-84858-7

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import basischan
      >>> basischan(jnp.asarray([[0.0, -3.0]]), [jnp.abs, jnp.square], include_const=True).tolist()
      [[[1.0, 1.0]], [[0.0, 3.0]], [[0.0, 9.0]]]
    """
    return rows.channels_of(rows.one_channel(X, "basischan"), basis_functions, include_const, "basischan")


def polychan(
    X: Num[ArrayLike, "..."],
    *,
    degree: int = 2,
    include_const: bool = False,
) -> Float[Array, "... k variable obs"]:
    """Channels of series: their powers.

    Args:
      X: The series [... channel variable time]; with fewer than four axes [... variable time], of one channel.
      degree: The highest power.
      include_const: Begin with the power 0, which is 1, also of 0, and has the derivative 0.
    Returns:
      [... k variable time]: for each channel of `X` in turn its powers from 1, or 0, to `degree`.
    Raises:
      TypeError: If `X` holds no real numbers, or `degree` is no integer.
      ValueError: If `X` has less than two axes, or `degree` is below 1.

    References:
      Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 2009, chapter 5.
      doi:10.1007/978-0-387-84858-7

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import polychan
      >>> polychan(jnp.asarray([[0.0, 2.0]]), degree=3).tolist()
      [[[0.0, 2.0]], [[0.0, 4.0]], [[0.0, 8.0]]]
    """
    return rows.channels_of(
        rows.one_channel(X, "polychan"), rows.powers(degree, "polychan"), include_const, "polychan"
    )


def basisconv2d(
    X: Num[ArrayLike, "..."],
    weight: Num[ArrayLike, "..."],
    basis_functions: Sequence[Callable[[Array], Array]],
    *,
    include_const: bool = False,
    bias: Num[ArrayLike, " c_out"] | None = None,
    padding: Padding = "SAME",
) -> Float[Array, "... c_out rows obs_out"]:
    """Convolve what the functions of a basis make of series: a sum of nonlinear responses.

    `tsconv2d` of the channels of `basischan`. The constant is 1 beyond the edges too: what it adds is the same in all
    frames, where the zeros around the series would let it fade at the edges.

    Args:
      X: The series [... channel variable time]; with fewer than four axes [... variable time], of one channel.
      weight: The kernels [output channel row time] for the channels of `basischan`, with one row or one for each
        variable.
      basis_functions: Functions of arrays, elementwise.
      include_const: Put a channel of ones before them.
      bias: Added to each output.
      padding: Zeros around the channels, as in `tsconv`.
    Returns:
      The convolved series [... output variable time], or one row in place of the variables.
    Raises:
      TypeError: If an operand holds no real numbers.
      ValueError: If the weight has not one kernel for each channel, and as `basischan` and `tsconv2d`.

    References:
      Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 2009, chapter 5.
      doi:10.1007/978-0-387-84858-7

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import basisconv2d
      >>> weight = jnp.asarray([1.0, 0.5]).reshape(1, 2, 1, 1)  # of the constant and of |x|
      >>> basisconv2d(jnp.asarray([[0.0, -4.0]]), weight, [jnp.abs], include_const=True).tolist()
      [[[1.0, 3.0]]]
    """
    series, kernels = rows.with_channels(X, weight, "basisconv2d")
    return rows.convolved_basis(series, kernels, basis_functions, include_const, bias, padding, "basisconv2d")


def polyconv2d(
    X: Num[ArrayLike, "..."],
    weight: Num[ArrayLike, "..."],
    *,
    include_const: bool = False,
    bias: Num[ArrayLike, " c_out"] | None = None,
    padding: Padding = "SAME",
) -> Float[Array, "... c_out rows obs_out"]:
    """Convolve the powers of series: a polynomial of each frame's values, with a memory.

    `basisconv2d` of the powers x, x^2, ..., after x^0 = 1 if `include_const`; the weight says how many.

    Args:
      X: The series [... channel variable time]; with fewer than four axes [... variable time], of one channel.
      weight: The kernels [output channel row time] for the channels of `polychan`, with one row or one for each
        variable.
      include_const: Let the first kernel of each channel be that of the power 0.
      bias: Added to each output.
      padding: Zeros around the channels, as in `tsconv`; the power 0 is 1 there too.
    Returns:
      The convolved series [... output variable time], or one row in place of the variables.
    Raises:
      TypeError: If an operand holds no real numbers.
      ValueError: If the weight has not as many kernels for each channel of `X`, and as `tsconv2d`.

    References:
      Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 2009, chapter 5.
      doi:10.1007/978-0-387-84858-7

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import polyconv2d
      >>> weight = jnp.asarray([1.0, 2.0]).reshape(1, 2, 1, 1)  # x + 2 x^2
      >>> polyconv2d(jnp.asarray([[1.0, 3.0]]), weight).tolist()
      [[[3.0, 21.0]]]
    """
    series, kernels = rows.with_channels(X, weight, "polyconv2d")
    each, rest = divmod(kernels.shape[1], max(series.shape[-3], 1))
    degree = each - include_const
    if rest or degree < 1:
        raise ValueError(
            f"polyconv2d: weight{list(kernels.shape)} has {kernels.shape[1]} channels for the powers of the "
            f"{series.shape[-3]} of X; give as many for each, {1 + include_const} at least."
        )
    powers = rows.powers(degree, "polyconv2d")
    return rows.convolved_basis(series, kernels, powers, include_const, bias, padding, "polyconv2d")
