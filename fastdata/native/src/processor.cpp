#include "processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fastdata {

#if defined(__x86_64__)

namespace {

/// Asked of the processor itself: Clang's __builtin_cpu_supports knows no "f16c".
bool has_f16c() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

}  // namespace

bool has_avx2() {
    static const bool has = __builtin_cpu_supports("avx2") && has_f16c();
    return has;
}

bool has_sse42() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

#else

bool has_avx2() { return false; }

bool has_sse42() { return false; }

#endif

}  // namespace fastdata
