// A row-major matrix that belongs to somebody else.
#ifndef DCP_BASE_MATRIX_VIEW_H_
#define DCP_BASE_MATRIX_VIEW_H_

#include <cstddef>
#include <type_traits>

namespace dcp {

// Row r begins at data + r * stride; stride >= cols.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  T* row(size_t r) const { return data + r * stride; }

  // Rows [begin, begin + count).
  MatrixView Rows(size_t begin, size_t count) const { return {data + begin * stride, count, cols, stride}; }
  // Columns [begin, begin + count).
  MatrixView Cols(size_t begin, size_t count) const { return {data + begin, rows, count, stride}; }

  operator MatrixView<const T>() const  // NOLINT: a view of const is what callers with inputs need
      requires(!std::is_const_v<T>) {
    return {data, rows, cols, stride};
  }
};

using ConstMatrix = MatrixView<const float>;
using Matrix = MatrixView<float>;

}  // namespace dcp

#endif  // DCP_BASE_MATRIX_VIEW_H_
