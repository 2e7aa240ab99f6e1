"""How one trial of an experiment runs: data, networks and mixing put together, and what is measured of them."""
