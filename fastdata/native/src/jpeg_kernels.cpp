#include "jpeg_kernels.h"

namespace fastdata {

const JpegKernels& portable_jpeg_kernels() {
    static constexpr JpegKernels kernels = {portable::inverse_dct, portable::wider,
                                            portable::larger, portable::rgb};
    return kernels;
}

const JpegKernels& best_jpeg_kernels() {
#if defined(__x86_64__)
    static constexpr JpegKernels newer = {avx2::inverse_dct, avx2::wider, avx2::larger, avx2::rgb};
    static const bool has_them = __builtin_cpu_supports("avx2");
    if (has_them) return newer;
#endif
    return portable_jpeg_kernels();
}

}  // namespace fastdata
