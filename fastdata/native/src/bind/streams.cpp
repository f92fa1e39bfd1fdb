#include "module.h"

namespace fastdata {

void bind_streams(nanobind::module_&) {}

}  // namespace fastdata
