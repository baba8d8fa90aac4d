"""Models of the folder once more, as a user would write them."""

IF_SOFT = """
name = "if_copy"
output = "spike"
step = [
    "v = clamp(v + acc + leak, potential_bits)",
    "spike = v >= threshold",
    "v = where(spike, max(v - threshold, 0), v)",
]
[parameters]
leak = { width = "leak_bits" }
threshold = { width = "threshold_bits", least = 1 }
initial = { width = "potential_bits" }
[states]
v = { width = "potential_bits", initial = "initial" }
[relay]
leak = 0
threshold = 1
initial = 0
"""

CUBA_LIF_HARD = """
name = "cuba_copy"
output = "spike"
step = [
    "kept = (abs(u) * ((1 << decay_bits) - current_decay)) >> decay_bits",
    "u = clamp(where(u < 0, -kept, kept) + (acc << exponent), synaptic_bits)",
    "kept = (abs(v) * ((1 << decay_bits) - decay)) >> decay_bits",
    "drive = clamp(where(v < 0, -kept, kept) + u + leak, potential_bits)",
    "v = where(r > 0, v, drive)",
    "spike = r == 0 and v >= threshold",
    "v = where(spike, reset, v)",
    "r = where(spike, refractory, max(r - 1, 0))",
]
[parameters]
leak = { width = "leak_bits" }
threshold = { width = "threshold_bits", least = 1 }
initial = { width = "potential_bits" }
current_decay = { width = "decay_bits" }
decay = { width = "decay_bits" }
refractory = { width = "refractory_bits" }
exponent = { width = "exponent_bits" }
reset = { width = "potential_bits" }
[states]
v = { width = "potential_bits", initial = "initial" }
u = { width = "synaptic_bits" }
r = { width = "refractory_bits" }
"""

LI_SHIFT = """
name = "li_copy"
output = "v"
step = ["v = clamp(v - (v >> decay_shift) + (acc << exponent) + leak, potential_bits)"]
[parameters]
leak = { width = "leak_bits" }
initial = { width = "potential_bits" }
decay_shift = { width = "decay_shift_bits" }
exponent = { width = "exponent_bits" }
[states]
v = { width = "potential_bits", initial = "initial" }
"""

COPIES = {"if_soft": IF_SOFT, "cuba_lif_hard": CUBA_LIF_HARD, "li_shift": LI_SHIFT}
