#include "jpeg_kernels.h"

#include "processor.h"

namespace fastdata {

const JpegKernels& portable_jpeg_kernels() {
    static constexpr JpegKernels kernels = {portable::inverse_dct, portable::wider,
                                            portable::larger, portable::rgb};
    return kernels;
}

const JpegKernels& best_jpeg_kernels() {
#if defined(__x86_64__)
    static constexpr JpegKernels newer = {avx2::inverse_dct, avx2::wider, avx2::larger, avx2::rgb};
    if (has_avx2()) return newer;
#endif
    return portable_jpeg_kernels();
}

}  // namespace fastdata
