"""Reasons of finite-size scaling."""

TEMPLATES = {
    "correction-needs-sizes": "a correction to scaling needs {needed} system sizes, got {sizes}",
    "no-scaling-window": "there is no window around the critical point in which the tables scale",
    "no-scaling-window-without-correction": "there is no window around the critical point in which the tables scale; a "
    "correction to scaling may be needed (--corrections)",
    "inverse-nu-at-edge": "the exponent 1/nu lies at the edge of the range that was searched",
    "omega-at-edge": "the exponent omega of the correction is not identified: it ran to the edge of the range from "
    "{low:g} to {high:g}",
    "system-without-exponents": "a system without exponents cannot be compared: {why}",
    "functions-compared-without-corrections": "scaling functions are compared without corrections to scaling only: "
    "leave out --corrections",
    "different-observables": "the two systems do not have the same observables",
}
