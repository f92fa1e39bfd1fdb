"""The compiled core, in C++ below `src/`; only fastdata.native and fastdata.codecs import it."""
