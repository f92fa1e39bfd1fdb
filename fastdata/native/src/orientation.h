#pragma once

#include "bytes.h"

namespace fastdata {

/// The orientation 1..8 that an EXIF block names, or 0 where it has none that can be read. The same
/// rule as `fastdata.codecs.orientation`: damaged metadata count as absent, other values as 1.
///
/// Source: TIFF 6.0, section 2 (image file directories); EXIF 2.32, 4.6.4 (tag 0x0112).
int exif_orientation(Bytes exif);

/// The orientation 1..8 that an XMP packet names, or 0.
int xmp_orientation(Bytes xmp);

}  // namespace fastdata
