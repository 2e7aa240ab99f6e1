"""The checks of the papers' statements, one module per topic; each computes both sides without a helper of the other's."""
