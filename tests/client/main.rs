//! A client over many links: which there are, what goes over which, and that the end of one touches no other.

mod desk;
mod ends;
mod life;
mod limits;
mod links;
mod wishes;
