#pragma once

namespace fastdata {

/// Whether this processor has AVX2 and F16C, and the system lets programs use them.
bool has_avx2();

/// Whether it has SSE 4.2 and PCLMULQDQ.
bool has_sse42();

}  // namespace fastdata
