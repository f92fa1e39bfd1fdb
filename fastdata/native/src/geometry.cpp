#include "geometry.h"

namespace fastdata {

Turn Turn::then(Turn next) const {
    // A mirror that is followed by an exchange of rows and columns mirrors the other axis.
    const bool rows = next.transpose ? flip_columns : flip_rows;
    const bool columns = next.transpose ? flip_rows : flip_columns;
    return {transpose != next.transpose, rows != next.flip_rows, columns != next.flip_columns};
}

}  // namespace fastdata
