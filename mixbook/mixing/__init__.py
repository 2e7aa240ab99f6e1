"""How a batch is mixed: tensors in, tensors out. One file for each of the four questions, and a plan that they agree on."""
