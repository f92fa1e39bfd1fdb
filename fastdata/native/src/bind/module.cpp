#include "module.h"

#include <jpeglib.h>
#include <nanobind/stl/string.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include "png_decode.h"
#include "processor.h"

namespace {

#define FASTDATA_TEXT_OF(value) #value
#define FASTDATA_TEXT(macro) FASTDATA_TEXT_OF(macro)

std::string describe() {
    return std::string("libjpeg-turbo " FASTDATA_TEXT(LIBJPEG_TURBO_VERSION) ", ") +
           fastdata::png_library() + ", " + (fastdata::has_avx2() ? "avx2" : "portable");
}

}  // namespace

NB_MODULE(_core, module) {
    module.doc() = "fastdata's compiled core; used through fastdata.cores and fastdata.codecs.";
    // A daemon thread that is in here when the interpreter ends keeps what it holds; see gil.h.
    nanobind::set_leak_warnings(false);
    module.def("describe", &describe);
    fastdata::bind_errors(module);
    fastdata::bind_batch(module);
    fastdata::bind_streams(module);
    fastdata::bind_jpeg_batch(module);
    fastdata::bind_memory(module);
    fastdata::bind_random(module);
    fastdata::bind_place(module);
    fastdata::bind_decode(module);
}
