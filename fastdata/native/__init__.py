"""The compiled core, in C++ below `src/`, and what finds it in this installation."""
