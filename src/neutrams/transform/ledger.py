"""The loss ledger: what each layer and each limit of the chip cost, measured on calibration data."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an error costs at the first output.

    Attributes:
        output_error: Root mean square of the change of the outputs, over that of the outputs.
        agreement: Fraction of samples whose arg-max stays.
        accuracy: Fraction classified as the labels say; None without labels.
    """

    output_error: float
    agreement: float
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One cost.

    Attributes:
        layer: Tensor of the source network.
        unit: Tensor of the transformed network (a part of the layer where it was split).
        constraint: ``input_bits``, ``inherited`` (errors of earlier layers), ``fan_in``, ``weight_bits``,
            ``signal_bits``, ``spikes`` (rate code, thresholds and reset), ``activation`` (a function approximated or
            looked up); ``all`` sums up a layer.
        relative_error: Root mean square of the error it adds, over the root mean square of the original's values (of
            the sum that it is a part of, where the layer was split).
        output_error: With this error alone and the rest in float, the root mean square of the change of the first
            output, over the root mean square of that output.
        agreement: Likewise the fraction of calibration samples whose arg-max is that of the original.
        accuracy: Likewise the fraction classified as the labels say; None where no labels were given.
    """

    layer: str
    unit: str
    constraint: str
    relative_error: float
    output_error: float = 0.0
    agreement: float = 1.0
    accuracy: float | None = None

    def with_effect(self, effect: Effect) -> "LedgerRow":
        """Return the row with what the error costs at the output."""
        return replace(self, output_error=effect.output_error, agreement=effect.agreement, accuracy=effect.accuracy)
