#pragma once

#include <cstdint>
#include <vector>

#include "bytes.h"
#include "choices.h"
#include "png_chunks.h"

namespace fastdata::fuzz {

struct PngKind {
    int bits;
    Png::Colour colour;
};

/// A PNG of this kind whose rows are these bytes over and over, the first of
/// each saying its filter.
std::vector<std::uint8_t> png_of(PngKind kind, int height, int width, Bytes rows);

/// A PNG of a random kind and size, made as `png_of` makes it.
std::vector<std::uint8_t> png_of_rows(Bytes rows, Choices& choices);

/// Makes the checksums of all whole chunks right, so that what is in them counts.
void mend_checksums(std::vector<std::uint8_t>& file);

}  // namespace fastdata::fuzz
