"""The one room where results of `collapse` become English: numbers, reasons and verdicts as whole sentences.

Nothing is computed here. What computes returns values and `Reason`s; what prints, draws or writes JSON comes here.
"""
