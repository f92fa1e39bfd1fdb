#include "coefficients.h"

#include <cstdlib>

#include "errors.h"
#include "jpeg_library.h"

namespace fastdata::fuzz {
namespace {

// Multiplied by their factors, the coefficients of a block may add up to this much without any
// intermediate sum of either pass, of which the first keeps 2 bits more, leaving 16 bits.
constexpr long kMostSum = 4096;

bool is_usual(const JBLOCK& block, const JQUANT_TBL& factors) {
    long sum = 0;
    for (int i = 0; i < DCTSIZE2; ++i) sum += std::labs(long{block[i]} * factors.quantval[i]);
    return sum <= kMostSum;
}

bool is_usual(jpeg_decompress_struct& state, jvirt_barray_ptr blocks,
              const jpeg_component_info& part) {
    for (JDIMENSION y = 0; y < part.height_in_blocks; ++y) {
        auto* common = reinterpret_cast<j_common_ptr>(&state);
        JBLOCKROW row = state.mem->access_virt_barray(common, blocks, y, 1, FALSE)[0];
        for (JDIMENSION x = 0; x < part.width_in_blocks; ++x) {
            if (!is_usual(row[x], *part.quant_table)) return false;
        }
    }
    return true;
}

}  // namespace

bool has_usual_coefficients(Bytes file) {
    JpegLibrary library(file);
    auto& state = library.state();
    jvirt_barray_ptr* blocks = nullptr;
    bool usual = true;
    library.run([&] {
        jpeg_read_header(&state, TRUE);
        blocks = jpeg_read_coefficients(&state);
        for (int i = 0; i < state.num_components; ++i) {
            usual = usual && is_usual(state, blocks[i], state.comp_info[i]);
        }
    });
    return usual;
}

}  // namespace fastdata::fuzz
