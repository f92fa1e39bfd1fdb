#include "module.h"

namespace fastdata {

void bind_batch(nanobind::module_&) {}

}  // namespace fastdata
