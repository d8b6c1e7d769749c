"""Laws that a ladder can be held against: floors that agree, forms, rescalings, exponents and forecasts."""
