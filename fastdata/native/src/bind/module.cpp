#include "module.h"

NB_MODULE(_core, module) {
    module.doc() = "fastdata's compiled core; used through fastdata.native and fastdata.codecs.";
    fastdata::bind_errors(module);
    fastdata::bind_batch(module);
    fastdata::bind_streams(module);
    fastdata::bind_memory(module);
    fastdata::bind_place(module);
    fastdata::bind_decode(module);
}
