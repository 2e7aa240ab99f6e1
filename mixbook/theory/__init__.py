"""What the papers prove, as numbers for your own data, and a check of every statement.

* mixup's optimum: ``vicinal``, ``lines``, ``loss_floor``, ``collinearity``, ``margins``, ``midpoints``, ``linear``;
  networks on whole sets, many at a time, to compare it with: ``full_batch``, ``moons``
* k-mixup: ``coupling``, ``clusters``, ``manifolds``, ``partners``, ``expansion``, ``reversion``, ``perturbation``; its
  Algorithm 1, alpha at constant xi, is :func:`mixbook.mixing.transport.alpha_at_constant_xi`
* multi-mix: ``variance``, ``gradient_noise``
* manifold mixup: ``flattening``, ``spectra``, ``crossings``
* for all of them: ``laws`` of lambda, ``samples``; ``released``, what released code does where it differs

``checks`` holds what the closed forms are compared with, and ``registry`` lists and runs it: ``mixbook theory check``.
"""
