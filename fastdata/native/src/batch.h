#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.h"
#include "failures.h"
#include "pixels.h"
#include "place.h"
#include "stage_clock.h"

namespace fastdata {

/// What all records of a field are.
struct RecordKind {
    enum class Content { image, mask, distance };

    Content content = Content::image;
    bool raw = false;                         ///< Plain values in C order, not files.
    int channels = 1;                         ///< Of an image: 1 or 3.
    Target::Type id_type = Target::Type::u8;  ///< Of a mask, as the pack's schema says.
    DistanceRecord distance;                  ///< Of a distance map, but for data and size.
    bool has_classes = false;  ///< Whether a distance map's shape begins with its planes.
};

/// Records and what becomes of each. All pointers are to arrays of one entry a sample, such as
/// NumPy's; `fastdata.geometry.Geometry` documents those of the geometry.
struct Batch {
    RecordKind kind;
    std::vector<Bytes> records;
    const std::int32_t* sizes = nullptr;  ///< Height and width of each upright source.

    // The geometry; without boxes every sample stays as it is.
    const double* boxes = nullptr;  ///< Top, left, height, width.
    const std::int32_t* out_sizes = nullptr;
    const bool* resized = nullptr;
    const std::uint8_t* rot90 = nullptr;
    const bool* hflip = nullptr;
    const bool* vflip = nullptr;

    Target first;                      ///< Where the first sample goes.
    std::ptrdiff_t sample_stride = 0;  ///< Bytes from one sample's place to the next one's.

    StageSeconds spent;  ///< Added to.
};

/// Makes the samples at these positions, each by the next thread that is free, and gives back those
/// that failed, by position. Their part of the target is 0, or for `not_here` whatever it was.
///
/// The result does not depend on the number of threads. Memory that a thread needs for decoding is
/// kept for its next sample, up to a bound. Rethrows what is no record's fault, such as a lack of
/// memory, when all threads have ended.
std::vector<Failure> decode_batch(const Batch& batch, const std::vector<std::size_t>& positions,
                                  int threads);

}  // namespace fastdata
