"""Does a trend deserve a law at all: direction, emergence, weakest links, predictability, of every benchmark."""
