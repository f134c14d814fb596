//! The chapters' own code in a page of the book. The modules are the examples of this package, one for each chapter;
//! see `README.md`.
