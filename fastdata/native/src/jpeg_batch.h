#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.h"
#include "failures.h"

namespace fastdata {

/// Where files that are cut out of others go. All pointers but `data` are to arrays of one entry a
/// file, of which those of failed files are 0.
struct JpegCrops {
    static constexpr std::size_t kAlignment = 16;  ///< Of the offsets.

    std::uint8_t* data = nullptr;
    std::size_t capacity = 0;         ///< Bytes; `room_for_crops` says how many are enough.
    std::int64_t* offsets = nullptr;  ///< Of each file in `data`.
    std::int64_t* lengths = nullptr;  ///< Bytes; -1 where the source itself is the crop.
    std::int32_t* origins = nullptr;  ///< Top and left of the stored pixels that it shows.
    std::int32_t* sizes = nullptr;    ///< Height and width of them.
};

/// Bytes that no crops of these files exceed, whatever the boxes.
std::size_t room_for_crops(const std::vector<Bytes>& files);

/// `crop_jpeg` for a batch. The files stand in `crops.data` without gaps but for their alignment,
/// in the order in which they were ready; nothing else depends on the number of threads.
///
/// @param boxes  Top, left, height and width in stored pixels. One outside the picture is left to
///     the Pillow twin, as is what is no JPEG: it has the words for both.
/// @throws std::length_error  There is not enough room.
std::vector<Failure> crop_jpegs(const std::vector<Bytes>& files, const std::int64_t* boxes,
                                const JpegCrops& crops, int threads);

/// Which files are plain JPEGs, that every decoder makes the same pixels of: 8 bits of gray or
/// YCbCr, to be shown as they are stored, with an end marker.
///
/// @param sizes  Height and width of each upright picture, as the pack says; others contradict it.
/// @param checks  Reads all coefficients, too: a damaged file is not plain.
/// @param plain  One entry a file; false for those that failed.
std::vector<Failure> jpeg_kinds(const std::vector<Bytes>& files, const std::int32_t* sizes,
                                bool checks, bool* plain, int threads);

}  // namespace fastdata
