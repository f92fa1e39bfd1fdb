#pragma once

#include "bytes.h"

namespace fastdata::fuzz {

/// Whether an encoder could have made this JPEG from a picture, as far as the size of its blocks'
/// coefficients tells.
///
/// Coefficients that are beyond any picture's leave the 16 bits that inverse transforms compute in:
/// then libjpeg-turbo's own C and SIMD code differ, and nothing says what is right.
bool has_usual_coefficients(Bytes file);

}  // namespace fastdata::fuzz
