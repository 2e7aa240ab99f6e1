"""What the papers prove, as numbers for your own data, and a check of every statement.

* mixup's optimum: ``vicinal``, ``lines``, ``loss_floor``, ``collinearity``, ``margins``, ``midpoints``, ``linear``
* k-mixup: ``coupling``, ``clusters``, ``manifolds``, ``partners``, ``expansion``, ``reversion``, ``perturbation``
* multi-mix: ``variance``, ``gradient_noise``
* manifold mixup: ``flattening``, ``spectra``, ``crossings``
* for all of them: ``laws`` of lambda, ``samples``

``checks`` holds what the closed forms are compared with, and ``registry`` lists and runs it: ``mixbook theory check``.
"""
