#pragma once

#include <cstddef>
#include <cstdint>

namespace fastdata {

/// Undoes a PNG row's filter in place.
///
/// One byte after each of the two rows may be read.
///
/// @param filter 0 to 4.
/// @param above The row before, unfiltered; zeros before the first row.
/// @param size Bytes in the row.
/// @param pixel_bytes 1, 2, 3, 4, 6 or 8: from a byte to the one that it is predicted from.
///
/// Source: PNG specification, third edition, 9.2.
void unfilter_png_row(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t size,
                      int pixel_bytes);

}  // namespace fastdata
