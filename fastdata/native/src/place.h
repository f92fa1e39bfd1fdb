#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "geometry.h"
#include "pixels.h"

namespace fastdata {

/// Which instructions the kernels use; results are the same, bit for bit.
enum class Instructions { best, portable };

/// Working memory of one thread, reused from picture to picture, so that placing allocates nothing
/// once it has seen a batch. What a single huge picture took is given back after it.
class Scratch {
  public:
    struct Memory;

    explicit Scratch(Instructions instructions = Instructions::best);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    Memory& memory() { return *memory_; }

  private:
    std::unique_ptr<Memory> memory_;
};

/// A distance map as it is stored: whole planes, one after the other, rows without gaps.
struct DistanceRecord {
    enum class Type { u8, f16 };

    const std::uint8_t* data = nullptr;  ///< Of any alignment.
    Type type = Type::u8;
    int planes = 1;
    int height = 0;
    int width = 0;
    float zero = 0;  ///< distance = (stored - zero) * scale
    float scale = 1;
};

// All of the following write the target whole, or throw `BadInput` before they touch it: when the
// placement does not lie in the picture, or the target has not the result's size or channels.

/// Antialiased bilinear resampling as Pillow's, then turning, then `factor` and `offset` when the
/// target is f32. 1 or 3 channels. Exact without a resize; else nearly always within one level of
/// Pillow's result, never beyond two: each of the two passes may round to the other side.
///
/// @param placement  In pixels of the stored picture, also when `pixels` are a smaller one.
void place_image(const Pixels<std::uint8_t>& pixels, const Placement& placement,
                 const Target& target, Scratch& scratch);

/// The nearest id by Pillow's rule, to the bit, into a target of the same type or of wider ids.
///
/// @param placement    In pixels of the upright mask: "nearest" rounds towards its origin.
/// @param orientation  Of the mask as it is stored: EXIF, 1..8.
template <class T>
void place_mask(const Pixels<T>& pixels, const Placement& placement, int orientation,
                const Target& target, Scratch& scratch);

/// Distances in pixels of the result: dequantised, resampled as Pillow resamples floats (within
/// 1e-5 of the largest), times the factor of the resize. The target is f32, with a channel a plane.
void place_distance(const DistanceRecord& record, const Placement& placement, const Target& target,
                    Scratch& scratch);

}  // namespace fastdata
