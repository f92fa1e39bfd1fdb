#pragma once

#include <cstddef>

#include "batch.h"
#include "buffer.h"
#include "image_decoder.h"
#include "place.h"

namespace fastdata {

/// What a thread keeps from sample to sample.
struct Workbench {
    ImageDecoder decoder;
    Scratch scratch;
    Buffer aligned;  ///< For values that lie at an address their type does not allow.
};

/// Makes one sample of a batch: decodes no more than its placement reaches, and places that.
///
/// Throws BadInput, Contradiction and NotHere.
void make_sample(const Batch& batch, std::size_t position, Workbench& workbench);

/// Where the sample goes.
Target target_of(const Batch& batch, std::size_t position);

}  // namespace fastdata
