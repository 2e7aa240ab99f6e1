"""What the papers prove, as numbers for your own data, one module per topic; and a check of every statement.

Closed forms are in ``vicinal``, ``collinearity``, ``midpoints``, ``linear``, ``clusters``, ``expansion``, ``variance`` and
``flattening``; what they are compared with in ``checks``; and ``registry`` lists and runs it: ``mixbook theory check``.
"""
