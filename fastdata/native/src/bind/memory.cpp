#include "module.h"

namespace fastdata {

void bind_memory(nanobind::module_&) {}

}  // namespace fastdata
