#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.h"
#include "image_limits.h"

namespace fastdata {

/// One colour component of a JPEG frame.
struct JpegComponent {
    int id = 0;
    int horizontal = 0;  ///< Sampling factors as stored, so possibly outside 1..4.
    int vertical = 0;
};

/// A segment of the header, marker included.
struct JpegSegment {
    int marker = 0;  ///< Second byte of the marker, such as 0xDB.
    std::size_t start = 0;
    std::size_t end = 0;  ///< Never beyond the data, even where the segment claims it.
};

/// What a JPEG says before its first scan, and how many scans follow.
struct JpegHeader {
    int frame = 0;   ///< Marker of the frame: 0xC0 baseline, 0xC1 extended, 0xC2 progressive.
    int height = 0;  ///< As stored, before turning upright.
    int width = 0;
    int channels = 0;              ///< 1, 3 or 4.
    int bits = 0;                  ///< Always 8.
    int orientation = 1;           ///< 1..8, from EXIF, else XMP.
    int scans = 1;                 ///< Counted only where there can be several.
    int scan_channels = 0;         ///< Components in the first scan.
    int restart_interval = 0;      ///< MCUs, 0 for none.
    bool has_stray_bytes = false;  ///< Between segments; libjpeg warns of them.
    std::array<JpegComponent, 4> components;
    std::vector<JpegSegment> segments;  ///< Those that decoding needs, in order, DRI left out.
    JpegSegment scan;                   ///< The first SOS; compressed data start at its end.

    bool progressive() const { return frame == 0xC2; }
    /// Whether the picture has to be put together from several scans.
    bool has_many_scans() const { return progressive() || scan_channels < channels; }
};

/// Walks the header as libjpeg does, and never outside `data`. Its verdict is that of
/// `fastdata.codecs.probe` on a JPEG, which stays the reference.
///
/// Throws BadInput where the header is damaged, the kind is not supported by any decoder here
/// (arithmetic, lossless, hierarchical, 12 bits), or a limit is passed.
JpegHeader parse_jpeg_header(Bytes data, const Limits& limits = {});

}  // namespace fastdata
