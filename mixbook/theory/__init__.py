"""Closed forms of what the papers prove, usable on your own data; one module per topic. Needs numpy and scipy alone."""

from mixbook.theory.vicinal import critical_alpha, minimum_loss, optimal

__all__ = ["critical_alpha", "minimum_loss", "optimal"]
