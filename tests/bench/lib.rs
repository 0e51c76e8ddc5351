//! The package of the benchmarks `frames`, `counts`, `growth` and `books`; this library is empty.
