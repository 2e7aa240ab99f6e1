"""How fast it is, beside what others do: each measurement is a module that stores what it found for the book."""
